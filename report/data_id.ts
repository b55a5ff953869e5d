/** The `id` of the element of a page that holds its data. */
export const DATA_ID = "data";
