import { testOperators } from "./operators.ts";

testOperators("webgpu");
