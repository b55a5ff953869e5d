/** The page of `plca view`. */
import { render } from "preact";
import { pageRoot } from "../data.ts";
import { Viewer } from "../viewer.tsx";

render(<Viewer />, pageRoot());
