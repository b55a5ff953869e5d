/** A thread that ends the process when another one stays too long in a call: the side that runs in it. */
import { runWatch } from "./host.ts";

runWatch();
