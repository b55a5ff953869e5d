export * from "./rows";
export * from "./row_gradients";
export * from "./tables";
export * from "./channels";
export * from "./windows";
export * from "./update";
