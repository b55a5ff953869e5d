/**
 * Winograd's transforms for 3x3 windows, F(2x2, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks" (2015), over float32 NHWC. ../winograd.ts says how they make a convolution.
 *
 * A tile is two by two pixels of the output, and the four by four of the input that their windows see; with a
 * dilation its pixels lie so far apart. A transform takes tiles to or from 16 planes, one for each place (i, j) of a
 * four by four matrix: plane 4 i + j. A plane has a row for each tile, [tiles, channels]. Each transform is a small
 * matrix that is applied to the columns of a tile and then to its rows. The functions at the top apply it to one row,
 * for four channels at a time. `channels` must be a multiple of four.
 */
import { bytes, copy } from "./math";

/** Bytes of four numbers. */
const FOUR: usize = 16;

@inline
function add(a: v128, b: v128): v128 {
  return f32x4.add(a, b);
}

@inline
function sub(a: v128, b: v128): v128 {
  return f32x4.sub(a, b);
}

@inline
function half(a: v128): v128 {
  return f32x4.mul(f32x4.splat(0.5), a);
}

/** B^T of the input: the row becomes that of four planes, `step` apart. */
@inline
function inputRow(a: v128, b: v128, c: v128, d: v128, to: usize, step: usize): void {
  v128.store(to, sub(a, c));
  to += step;
  v128.store(to, add(b, c));
  to += step;
  v128.store(to, sub(c, b));
  v128.store(to + step, sub(b, d));
}

/** A^T of the output: two pixels. */
@inline
function outputRow(a: v128, b: v128, c: v128, d: v128, left: usize, right: usize): void {
  v128.store(left, add(add(a, b), c));
  v128.store(right, sub(sub(b, c), d));
}

/** A of the output's gradient. */
@inline
function slopeRow(a: v128, b: v128, to: usize, step: usize): void {
  v128.store(to, a);
  to += step;
  v128.store(to, add(a, b));
  to += step;
  v128.store(to, sub(a, b));
  v128.store(to + step, f32x4.neg(b));
}

/** G of the filter. */
@inline
function filterRow(a: v128, b: v128, c: v128, to: usize, step: usize): void {
  const outer = add(a, c);
  v128.store(to, a);
  to += step;
  v128.store(to, half(add(outer, b)));
  to += step;
  v128.store(to, half(sub(outer, b)));
  v128.store(to + step, c);
}

/** G^T of the filter's gradient. */
@inline
function filterGradientRow(a: v128, b: v128, c: v128, d: v128, to: usize, step: usize): void {
  const both = half(add(b, c));
  v128.store(to, add(a, both));
  to += step;
  v128.store(to, half(sub(b, c)));
  v128.store(to + step, add(both, d));
}

/** Where the first channel of a pixel lies; `outside` for a pixel beyond the image. */
@inline
function pixel(image: usize, height: i32, width: i32, channels: i32, row: i32, column: i32, outside: usize): usize {
  if (row < 0 || row >= height || column < 0 || column >= width) return outside;
  return image + bytes(channels) * <usize> (row * width + column);
}

/** Sets each plane to 0 from its byte `from` on. */
@inline
function clearRest(planes: usize, from: usize, plane: usize): void {
  for (let k: usize = 0; k < 16; k++) memory.fill(planes + k * plane + from, 0, plane - from);
}

/** The number in the table's place k. */
@inline
function entry(table: usize, k: i32): i32 {
  return load<i32>(table + bytes(k));
}

/**
 * The planes of the input's tiles `from` to `to` - 1, counted over images, rows and columns of tiles.
 * @param tops int32 [tileRows]: the first output row of each row of tiles; the other lies `dilation` below,
 * or above if that is negative
 * @param lefts int32 [tileColumns], likewise @param zeros float32 [channels], all 0
 * @param planes float32 [16, rows, channels]; rows beyond those of the tiles become 0
 */
export function winogradInput(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  dilation: i32,
  tops: usize,
  tileRows: i32,
  lefts: usize,
  tileColumns: i32,
  from: i32,
  to: i32,
  zeros: usize,
  rows: i32,
  planes: usize,
): void {
  const pixelBytes = bytes(channels), plane = pixelBytes * <usize> rows, row = plane * 4;
  clearRest(planes, pixelBytes * <usize> (to - from), plane);
  let place = planes;
  for (let tile = from; tile < to; tile++) {
    const image = x + pixelBytes * <usize> (tile / (tileRows * tileColumns) * height * width);
    const r1 = entry(tops, tile / tileColumns % tileRows), c1 = entry(lefts, tile % tileColumns);
    const r0 = r1 - dilation, r2 = r1 + dilation, r3 = r2 + dilation;
    const c0 = c1 - dilation, c2 = c1 + dilation, c3 = c2 + dilation;
    const x00 = pixel(image, height, width, channels, r0, c0, zeros);
    const x01 = pixel(image, height, width, channels, r0, c1, zeros);
    const x02 = pixel(image, height, width, channels, r0, c2, zeros);
    const x03 = pixel(image, height, width, channels, r0, c3, zeros);
    const x10 = pixel(image, height, width, channels, r1, c0, zeros);
    const x11 = pixel(image, height, width, channels, r1, c1, zeros);
    const x12 = pixel(image, height, width, channels, r1, c2, zeros);
    const x13 = pixel(image, height, width, channels, r1, c3, zeros);
    const x20 = pixel(image, height, width, channels, r2, c0, zeros);
    const x21 = pixel(image, height, width, channels, r2, c1, zeros);
    const x22 = pixel(image, height, width, channels, r2, c2, zeros);
    const x23 = pixel(image, height, width, channels, r2, c3, zeros);
    const x30 = pixel(image, height, width, channels, r3, c0, zeros);
    const x31 = pixel(image, height, width, channels, r3, c1, zeros);
    const x32 = pixel(image, height, width, channels, r3, c2, zeros);
    const x33 = pixel(image, height, width, channels, r3, c3, zeros);
    for (let c: usize = 0; c < pixelBytes; c += FOUR, place += FOUR) {
      const b0 = v128.load(x10 + c), b1 = v128.load(x11 + c), b2 = v128.load(x12 + c), b3 = v128.load(x13 + c);
      const d0 = v128.load(x20 + c), d1 = v128.load(x21 + c), d2 = v128.load(x22 + c), d3 = v128.load(x23 + c);
      let target = place;
      inputRow(
        sub(v128.load(x00 + c), d0),
        sub(v128.load(x01 + c), d1),
        sub(v128.load(x02 + c), d2),
        sub(v128.load(x03 + c), d3),
        target,
        plane,
      );
      target += row;
      inputRow(add(b0, d0), add(b1, d1), add(b2, d2), add(b3, d3), target, plane);
      target += row;
      inputRow(sub(d0, b0), sub(d1, b1), sub(d2, b2), sub(d3, b3), target, plane);
      target += row;
      inputRow(
        sub(b0, v128.load(x30 + c)),
        sub(b1, v128.load(x31 + c)),
        sub(b2, v128.load(x32 + c)),
        sub(b3, v128.load(x33 + c)),
        target,
        plane,
      );
    }
  }
}

/**
 * The output from its planes; arguments as for {@linkcode winogradInput}.
 * @param waste float32 [channels]: pixels beyond the image are written there
 */
export function winogradOutput(
  y: usize,
  height: i32,
  width: i32,
  channels: i32,
  dilation: i32,
  tops: usize,
  tileRows: i32,
  lefts: usize,
  tileColumns: i32,
  from: i32,
  to: i32,
  waste: usize,
  rows: i32,
  planes: usize,
): void {
  const pixelBytes = bytes(channels), plane = pixelBytes * <usize> rows, row = plane * 4;
  let place = planes;
  for (let tile = from; tile < to; tile++) {
    const image = y + pixelBytes * <usize> (tile / (tileRows * tileColumns) * height * width);
    const r0 = entry(tops, tile / tileColumns % tileRows), c0 = entry(lefts, tile % tileColumns);
    const r1 = r0 + dilation, c1 = c0 + dilation;
    const y00 = pixel(image, height, width, channels, r0, c0, waste);
    const y01 = pixel(image, height, width, channels, r0, c1, waste);
    const y10 = pixel(image, height, width, channels, r1, c0, waste);
    const y11 = pixel(image, height, width, channels, r1, c1, waste);
    for (let c: usize = 0; c < pixelBytes; c += FOUR, place += FOUR) {
      const m0 = place, m1 = m0 + plane, m2 = m1 + plane, m3 = m2 + plane;
      const b0 = v128.load(m0 + row), b1 = v128.load(m1 + row), b2 = v128.load(m2 + row), b3 = v128.load(m3 + row);
      const two = row * 2;
      const d0 = v128.load(m0 + two), d1 = v128.load(m1 + two), d2 = v128.load(m2 + two), d3 = v128.load(m3 + two);
      outputRow(
        add(add(v128.load(m0), b0), d0),
        add(add(v128.load(m1), b1), d1),
        add(add(v128.load(m2), b2), d2),
        add(add(v128.load(m3), b3), d3),
        y00 + c,
        y01 + c,
      );
      const three = two + row;
      outputRow(
        sub(sub(b0, d0), v128.load(m0 + three)),
        sub(sub(b1, d1), v128.load(m1 + three)),
        sub(sub(b2, d2), v128.load(m2 + three)),
        sub(sub(b3, d3), v128.load(m3 + three)),
        y10 + c,
        y11 + c,
      );
    }
  }
}

/**
 * The planes of the output's gradient, for that of the filter; arguments as for {@linkcode winogradInput}: the
 * transpose of {@linkcode winogradOutput}.
 */
export function winogradSlopes(
  dy: usize,
  height: i32,
  width: i32,
  channels: i32,
  dilation: i32,
  tops: usize,
  tileRows: i32,
  lefts: usize,
  tileColumns: i32,
  from: i32,
  to: i32,
  zeros: usize,
  rows: i32,
  planes: usize,
): void {
  const pixelBytes = bytes(channels), plane = pixelBytes * <usize> rows, row = plane * 4;
  clearRest(planes, pixelBytes * <usize> (to - from), plane);
  let place = planes;
  for (let tile = from; tile < to; tile++) {
    const image = dy + pixelBytes * <usize> (tile / (tileRows * tileColumns) * height * width);
    const r0 = entry(tops, tile / tileColumns % tileRows), c0 = entry(lefts, tile % tileColumns);
    const r1 = r0 + dilation, c1 = c0 + dilation;
    const y00 = pixel(image, height, width, channels, r0, c0, zeros);
    const y01 = pixel(image, height, width, channels, r0, c1, zeros);
    const y10 = pixel(image, height, width, channels, r1, c0, zeros);
    const y11 = pixel(image, height, width, channels, r1, c1, zeros);
    for (let c: usize = 0; c < pixelBytes; c += FOUR, place += FOUR) {
      const a0 = v128.load(y00 + c), a1 = v128.load(y01 + c), b0 = v128.load(y10 + c), b1 = v128.load(y11 + c);
      let target = place;
      slopeRow(a0, a1, target, plane);
      target += row;
      slopeRow(add(a0, b0), add(a1, b1), target, plane);
      target += row;
      slopeRow(sub(a0, b0), sub(a1, b1), target, plane);
      target += row;
      slopeRow(f32x4.neg(b0), f32x4.neg(b1), target, plane);
    }
  }
}

/**
 * Bytes of a plane that the filters' kernels work on at once, in scratch memory. Filters of 256 or 512 channels have
 * planes whose distance is a power of two, so the same place of all planes would fall on the same few places of the
 * processor's cache, and passes over them all would take up to ten times as long.
 */
const BLOCK: usize = 512;

/** Bytes from the inputs of a block to its results. */
const RESULTS: usize = 16 * BLOCK;

/** The planes of a block of the filter, both in scratch memory. */
function filterBlock(scratch: usize, size: usize): void {
  for (let c: usize = 0; c < size; c += FOUR) {
    const g0 = scratch + c, g1 = g0 + BLOCK, g2 = g1 + BLOCK;
    const a0 = v128.load(g0), a1 = v128.load(g1), a2 = v128.load(g2);
    const below = BLOCK * 3;
    const b0 = v128.load(g0 + below), b1 = v128.load(g1 + below), b2 = v128.load(g2 + below);
    const last = below + below;
    const d0 = v128.load(g0 + last), d1 = v128.load(g1 + last), d2 = v128.load(g2 + last);
    const row = BLOCK * 4;
    let target = scratch + RESULTS + c;
    filterRow(a0, a1, a2, target, BLOCK);
    target += row;
    filterRow(half(add(add(a0, d0), b0)), half(add(add(a1, d1), b1)), half(add(add(a2, d2), b2)), target, BLOCK);
    target += row;
    filterRow(half(sub(add(a0, d0), b0)), half(sub(add(a1, d1), b1)), half(sub(add(a2, d2), b2)), target, BLOCK);
    target += row;
    filterRow(d0, d1, d2, target, BLOCK);
  }
}

/** The transpose of {@linkcode filterBlock}. */
function filterGradientBlock(scratch: usize, size: usize): void {
  const row = BLOCK * 4, two = row * 2, three = row * 3;
  for (let c: usize = 0; c < size; c += FOUR) {
    const m0 = scratch + c, m1 = m0 + BLOCK, m2 = m1 + BLOCK, m3 = m2 + BLOCK;
    const b0 = v128.load(m0 + row), b1 = v128.load(m1 + row), b2 = v128.load(m2 + row), b3 = v128.load(m3 + row);
    const d0 = v128.load(m0 + two), d1 = v128.load(m1 + two), d2 = v128.load(m2 + two), d3 = v128.load(m3 + two);
    const e0 = half(add(b0, d0)), e1 = half(add(b1, d1)), e2 = half(add(b2, d2)), e3 = half(add(b3, d3));
    let target = scratch + RESULTS + c;
    filterGradientRow(
      add(v128.load(m0), e0),
      add(v128.load(m1), e1),
      add(v128.load(m2), e2),
      add(v128.load(m3), e3),
      target,
      BLOCK,
    );
    target += BLOCK * 3;
    filterGradientRow(half(sub(b0, d0)), half(sub(b1, d1)), half(sub(b2, d2)), half(sub(b3, d3)), target, BLOCK);
    target += BLOCK * 3;
    filterGradientRow(
      add(e0, v128.load(m0 + three)),
      add(e1, v128.load(m1 + three)),
      add(e2, v128.load(m2 + three)),
      add(e3, v128.load(m3 + three)),
      target,
      BLOCK,
    );
  }
}

/**
 * The planes of a filter.
 * @param filter float32 [9, count] @param scratch 16 KB @param planes float32 [16, count]
 */
export function winogradFilter(filter: usize, count: i32, scratch: usize, planes: usize): void {
  const plane = bytes(count);
  for (let start: usize = 0; start < plane; start += BLOCK) {
    const size = min(BLOCK, plane - start), numbers = <i32> (size >> 2);
    for (let k: usize = 0; k < 9; k++) copy(filter + k * plane + start, numbers, scratch + k * BLOCK);
    filterBlock(scratch, size);
    for (let k: usize = 0; k < 16; k++) copy(scratch + RESULTS + k * BLOCK, numbers, planes + k * plane + start);
  }
}

/**
 * The filter's gradient from the sums of products of planes: the transpose of {@linkcode winogradFilter}.
 * @param planes float32 [16, count] @param scratch 16 KB @param gradient float32 [9, count]
 */
export function winogradFilterGradient(planes: usize, count: i32, scratch: usize, gradient: usize): void {
  const plane = bytes(count);
  for (let start: usize = 0; start < plane; start += BLOCK) {
    const size = min(BLOCK, plane - start), numbers = <i32> (size >> 2);
    for (let k: usize = 0; k < 16; k++) copy(planes + k * plane + start, numbers, scratch + k * BLOCK);
    filterGradientBlock(scratch, size);
    for (let k: usize = 0; k < 9; k++) copy(scratch + RESULTS + k * BLOCK, numbers, gradient + k * plane + start);
  }
}
