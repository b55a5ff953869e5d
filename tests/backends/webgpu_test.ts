import { testLosses } from "./losses.ts";
import { testOperators } from "./operators.ts";

testOperators("webgpu");
testLosses("webgpu");
