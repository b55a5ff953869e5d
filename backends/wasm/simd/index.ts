export * from "./rows";
export * from "./channels";
export * from "./windows";
export * from "./update";
