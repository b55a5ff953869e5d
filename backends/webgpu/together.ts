/**
 * WGSL for sums over a workgroup. Threads meet in workgroup memory. Where the device has subgroups, those of a
 * subgroup (8 to 64 neighbouring threads) add up in registers first, and only one number of each goes through
 * memory: two barriers instead of eight. `device.ts` finds out by trying whether that works.
 */
import { THREADS } from "./shader.ts";

/**
 * `fn together(mine : f32) -> f32`: the sum over the workgroup, for every thread; all threads must call it.
 * `numbers` is memory that others may use between two calls, with a barrier before and after.
 */
export function togetherSum(subgroups: boolean): string {
  return `
  var<workgroup> numbers : array<f32, ${THREADS}>;
  fn together(mine : f32) -> f32 {
    let t = i32(localId.x);${subgroups ? IN_SUBGROUPS : IN_MEMORY}
    workgroupBarrier();
    return total;
  }`;
}

const IN_MEMORY = `
    numbers[t] = mine;
    workgroupBarrier();
    for (var step = ${THREADS / 2}; step > 0; step = step / 2) {
      if (t < step) { numbers[t] = numbers[t] + numbers[t + step]; }
      workgroupBarrier();
    }
    let total = numbers[0];`;

const IN_SUBGROUPS = `
    let width = i32(subgroupAdd(1u));
    let sum = subgroupAdd(mine);
    if (t % width == 0) { numbers[t / width] = sum; }
    workgroupBarrier();
    var total = 0.0;
    for (var k = 0; k < ${THREADS} / width; k = k + 1) { total = total + numbers[k]; }`;

/**
 * WGSL: reduces the workgroup's `best` and `place` to the largest and the first place of it, for every thread.
 * `places` is an array like `numbers`; a barrier must come before, and the next use needs one after.
 */
export function togetherLargest(subgroups: boolean): string {
  return subgroups ? LARGEST_IN_SUBGROUPS : LARGEST_IN_MEMORY;
}

const LARGEST_IN_MEMORY = `
    numbers[t] = best;
    places[t] = place;
    workgroupBarrier();
    for (var step = ${THREADS / 2}; step > 0; step = step / 2) {
      if (t < step) {
        let other = numbers[t + step];
        if (other > numbers[t] || (other == numbers[t] && places[t + step] < places[t])) {
          numbers[t] = other;
          places[t] = places[t + step];
        }
      }
      workgroupBarrier();
    }
    best = numbers[0];
    place = places[0];`;

const LARGEST_IN_SUBGROUPS = `
    let width = i32(subgroupAdd(1u));
    let largest = subgroupMax(best);
    let firstPlace = subgroupMin(select(NOWHERE, place, best == largest));
    if (t % width == 0) {
      numbers[t / width] = largest;
      places[t / width] = firstPlace;
    }
    workgroupBarrier();
    best = numbers[0];
    place = places[0];
    for (var k = 1; k < ${THREADS} / width; k = k + 1) {
      if (numbers[k] > best || (numbers[k] == best && places[k] < place)) {
        best = numbers[k];
        place = places[k];
      }
    }`;
