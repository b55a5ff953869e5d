import { testOperators } from "./operators.ts";

testOperators("native");
