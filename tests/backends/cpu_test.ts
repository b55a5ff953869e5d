import { testOperators } from "./operators.ts";

testOperators("cpu");
