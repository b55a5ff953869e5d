import { tensorflowRows } from "../../backends/tensorflow/rows.ts";
import { testDeviceStreaming } from "./device_streaming.ts";
import { testLosses } from "./losses.ts";
import { testOperators } from "./operators.ts";

testOperators("tensorflow");
testLosses("tensorflow");
// Last: it leaves the operators of a device behind.
testDeviceStreaming("tensorflow", (rows) => ({ ...tensorflowRows, blockRows: () => rows }), 30);
