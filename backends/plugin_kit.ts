import * as tf from "@tensorflow/tfjs-core";
import type { PluginKit } from "../core/kit.ts";
import { definePlugin } from "../core/plugin.ts";
import { pluginChoice } from "../core/plugin_choice.ts";
import { z } from "../core/schema.ts";
import { constant } from "../ops/constant.ts";

/**
 * The tools that a user's plugin file is given (core/kit.ts): the tensor library of the current backend, zod,
 * and the functions that define plugins. So a plugin file outside of plca needs no imports of its own, and
 * uses the same copies as plca.
 */
export const kit: PluginKit = { tf, constant, z, definePlugin, pluginChoice };
