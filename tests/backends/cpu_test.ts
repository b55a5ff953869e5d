import { composedRows } from "../ops/association/composed_rows.ts";
import { testDeviceStreaming } from "./device_streaming.ts";
import { testLosses } from "./losses.ts";
import { testOperators } from "./operators.ts";

testOperators("cpu");
testLosses("cpu");
// Last: it leaves the operators of a device behind.
testDeviceStreaming("cpu", composedRows, 30);
