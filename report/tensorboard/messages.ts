/** What TensorBoard reads, as protobuf. Field numbers are those of event.proto and summary.proto. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Histogram } from "./histogram.ts";

/** A value under a tag. */
export type Summary =
  | { readonly tag: string; readonly scalar: number }
  | { readonly tag: string; readonly histogram: Histogram }
  | { readonly tag: string; readonly image: Picture };

/** An encoded picture. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** RGB, 8 bits a channel. */
  readonly png: Uint8Array;
}

/** The time when something is written, and the step that it belongs to. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly step: number;
}

const RGB = 3;
const SESSION_START = 1;

/** The first record of a file. */
export function versionEvent(time: number): Uint8Array {
  return event({ time, step: 0 }, (writer) => text(writer, 3, "brain.Event:2"));
}

/** A process begins: values of earlier files from `step` on no longer count. */
export function sessionStart(moment: Moment): Uint8Array {
  return event(
    moment,
    (writer) => nested(writer, 7, (log) => log.tag(1, WireType.Varint).int32(SESSION_START)),
  );
}

/** Values of one moment. */
export function summaryEvent(moment: Moment, values: readonly Summary[]): Uint8Array {
  return event(moment, (writer) =>
    nested(writer, 5, (summary) => {
      for (const value of values) nested(summary, 1, (one) => writeValue(one, value));
    }));
}

function event({ time, step }: Moment, write: (writer: BinaryWriter) => void): Uint8Array {
  return message((writer) => {
    double(writer, 1, time / 1000);
    writer.tag(2, WireType.Varint).int64(step);
    write(writer);
  });
}

function writeValue(writer: BinaryWriter, value: Summary): void {
  text(writer, 1, value.tag);
  if ("scalar" in value) writer.tag(2, WireType.Bit32).float(single(value.scalar));
  else if ("image" in value) nested(writer, 4, (image) => writeImage(image, value.image));
  else nested(writer, 5, (histogram) => writeHistogram(histogram, value.histogram));
}

/** A number as float32; beyond its range it becomes infinite, as rounding does. */
function single(value: number): number {
  return Math.fround(value);
}

function writeImage(writer: BinaryWriter, { width, height, png }: Picture): void {
  writer.tag(1, WireType.Varint).int32(height);
  writer.tag(2, WireType.Varint).int32(width);
  writer.tag(3, WireType.Varint).int32(RGB);
  writer.tag(4, WireType.LengthDelimited).bytes(png);
}

function writeHistogram(writer: BinaryWriter, histogram: Histogram): void {
  double(writer, 1, histogram.min);
  double(writer, 2, histogram.max);
  double(writer, 3, histogram.count);
  double(writer, 4, histogram.sum);
  double(writer, 5, histogram.sumOfSquares);
  doubles(writer, 6, histogram.limits);
  doubles(writer, 7, histogram.buckets);
}

function double(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Bit64).double(value);
}

function doubles(writer: BinaryWriter, field: number, values: readonly number[]): void {
  nested(writer, field, (packed) => {
    for (const value of values) packed.double(value);
  });
}

/** Half of a surrogate pair is no text; it becomes the replacement character. */
function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).bytes(new TextEncoder().encode(value));
}

function nested(writer: BinaryWriter, field: number, write: (writer: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).bytes(message(write));
}

function message(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}
