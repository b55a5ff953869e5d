/**
 * The plain backend of the tensor library, for the backend `cpu` and for the constants of the recorder. At
 * its first tensor it would print an advertisement of another package to stderr.
 */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";

(tf.findBackend("cpu") as unknown as { firstUse: boolean }).firstUse = false;
