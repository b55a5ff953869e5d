import { testLosses } from "./losses.ts";
import { testOperators } from "./operators.ts";

testOperators("wasm");
testLosses("wasm");
