/** A thread of this process that may do less than it: the side that runs in it. */
import { runThread } from "./host.ts";
import { main } from "./main.ts";

runThread(main);
