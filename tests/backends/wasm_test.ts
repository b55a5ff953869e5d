import { testOperators } from "./operators.ts";

testOperators("wasm");
