/** Options of datasets about what image files say of themselves. */
import { z } from "../core/schema.ts";

/** Whether rotation tags are followed. */
export const rotationOption = z.enum(["apply", "ignore"]).optional().describe(
  "rotation tags (EXIF) of images: `apply` turns them upright, `ignore` reads them as stored; absent: as stored, and " +
    "images whose labels may have been drawn on them upright are refused",
);

const sample = z.int().min(0).max(65535);

/** What images of 12 or 14 bits in files of 16 use of them. */
export const rangeOption = z.tuple([sample, sample])
  .refine(([low, high]) => low < high, "expected [low, high], the lower first")
  .optional().describe(
    "of images of 16 bits, the samples that become 0 and 255, as in [0, 4095] for 12 bits; absent: the high 8 bits count",
  );
