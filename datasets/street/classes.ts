import { IGNORE_LABEL, type LabelSpace } from "../../core/label_space.ts";

/** The eight classes of the drawn streets. */
export const STREET_CLASSES: LabelSpace = {
  name: "street",
  classes: ["sky", "building", "road", "sidewalk", "vegetation", "car", "person", "pole"],
  ignore: IGNORE_LABEL,
};

/** Ids by name, for painting. */
export const ID = {
  sky: 0,
  building: 1,
  road: 2,
  sidewalk: 3,
  vegetation: 4,
  car: 5,
  person: 6,
  pole: 7,
} as const;
