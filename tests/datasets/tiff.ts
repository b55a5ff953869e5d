/** TIFFs of the kinds that sharp does not write. */

/** What a file says of itself; samples lie pixel by pixel, uncompressed. */
export interface Tiff {
  readonly width: number;
  readonly height: number;
  /** Samples a pixel. */
  readonly channels: number;
  readonly bits: 8 | 16 | 32;
  /** 1 unsigned, 2 signed, 3 floating point. Default 1. */
  readonly format?: 1 | 2 | 3;
  readonly samples: ArrayLike<number>;
  /** Of a maker of geographic files: a tag that image libraries warn of. */
  readonly unknownTag?: boolean;
}

/** Little-endian, one strip. */
export function tiff({ width, height, channels, bits, format = 1, samples, unknownTag }: Tiff): Uint8Array {
  const size = bits / 8, strip = 8, length = width * height * channels * size;
  const extra = strip + length;
  const SHORT = 3, LONG = 4;
  const tags: (readonly [number, number, number, number])[] = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    // Of several samples the sizes and formats lie behind the strip.
    [258, SHORT, channels, channels > 2 ? extra : bits],
    [259, SHORT, 1, 1],
    [262, SHORT, 1, channels >= 3 ? 2 : 1],
    [273, LONG, 1, strip],
    [277, SHORT, 1, channels],
    [278, LONG, 1, height],
    [279, LONG, 1, length],
    [339, SHORT, channels, channels > 2 ? extra + 2 * channels : format],
    ...(unknownTag ? [[34735, SHORT, 1, 1] as const, [42113, 2, 2, 0x30] as const] : []),
  ];
  const ifd = extra + 4 * channels;
  const bytes = new Uint8Array(ifd + 2 + 12 * tags.length + 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4949, true);
  view.setUint16(2, 42, true);
  view.setUint32(4, ifd, true);
  for (let k = 0; k < width * height * channels; k++) {
    const at = strip + k * size, value = samples[k]!;
    if (format === 3) view.setFloat32(at, value, true);
    else if (bits === 8) view.setUint8(at, value);
    else if (bits === 16) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
  }
  for (let k = 0; k < channels; k++) {
    view.setUint16(extra + 2 * k, bits, true);
    view.setUint16(extra + 2 * channels + 2 * k, format, true);
  }
  view.setUint16(ifd, tags.length, true);
  for (const [k, [tag, type, count, value]] of tags.entries()) {
    const at = ifd + 2 + 12 * k;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, count, true);
    if (type === SHORT && count <= 2) {
      for (let j = 0; j < count; j++) view.setUint16(at + 8 + 2 * j, value, true);
    } else view.setUint32(at + 8, value, true);
  }
  return bytes;
}
