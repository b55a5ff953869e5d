/** `#804080` of 0x804080. */
export function hex(colour: number): string {
  return `#${colour.toString(16).padStart(6, "0")}`;
}
