import * as tf from "@tensorflow/tfjs-core";
import type { PluginKit } from "../core/kit.ts";
import { definePlugin } from "../core/plugin.ts";
import { pluginChoice } from "../core/plugin_choice.ts";
import { z } from "../core/schema.ts";
import { constant } from "../ops/constant.ts";

/**
 * The one kit of this process: the tensor library of the selected backend, zod and what plugins are made
 * with.
 */
export const kit: PluginKit = { tf, constant, z, definePlugin, pluginChoice };
