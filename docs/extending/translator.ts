/**
 * An image translator that is trained jointly: source images pass through two convolutions with an optimiser of their own;
 * the network learns from what comes out, and an opponent, which learns every fifth step, tells it from the target.
 */
import type { PluginKit } from "../../core/kit.ts";
import type { Setup } from "../../core/plugin.ts";
import type { Scalar, Tensor, Tensor4D as Pixels, Variable } from "../../core/tensors.ts";
import { Random } from "../../core/random.ts";

export default ({ tf, z, definePlugin }: PluginKit) => {
  const rate = z.number().positive().default(1e-3).describe("Adam's learning rate");
  type Filter = [number, number, number, number];
  const filters = (setup: Setup, shapes: Readonly<Record<string, Filter>>) =>
    Object.entries(shapes).map(([name, shape]) => {
      const random = Random.stream(setup.seed, name);
      const initial = tf.tidy(() =>
        tf.tensor4d(
          Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => 0.1 * random.normal()),
          shape,
        )
      );
      const value = setup.variable(name, initial);
      initial.dispose();
      return { name, value, group: "translator" };
    });
  // As products of pixels and filters, which have gradients on every backend.
  const pixelwise = (x: Tensor, filter: Variable) => {
    const [n, height, width, channels] = x.shape as Filter, outputs = filter.shape[3]!;
    const rows = tf.reshape(x, [n * height * width, channels]);
    return tf.reshape(tf.matMul(rows, tf.reshape(filter, [channels, outputs])), [n, height, width, outputs]);
  };
  return [
    definePlugin({
      kind: "stream",
      name: "translated",
      summary: "source images in the colours of the target, by a network that is trained along",
      options: z.strictObject({ lr: rate }),
      plan: ({ lr }, at, registry) => ({
        needs: { streams: ["source"] },
        owners: [{
          name: "translator",
          when: "joint",
          optimizer: registry.plan("optimizer", { type: "adam", options: { lr } }, at),
        }],
        create(setup) {
          const params = filters(setup, { "translator.0": [1, 1, 3, 16], "translator.1": [1, 1, 16, 3] });
          return {
            owners: { translator: { params } },
            make(ctx) {
              const { pixels, labels } = ctx.images("source");
              const hidden = tf.relu(pixelwise(pixels, params[0]!.value));
              const change = pixelwise(hidden, params[1]!.value);
              return { pixels: tf.add(pixels, change) as Pixels, labels: labels! };
            },
          };
        },
      }),
    }),
    definePlugin({
      kind: "loss",
      name: "realism",
      summary: "translated images look to an opponent like those of the target",
      options: z.strictObject({
        stream: z.string().default("translated").describe("the stream that is judged"),
        lr: rate,
        every: z.int().min(1).default(5).describe("steps from one update of the opponent to the next"),
      }),
      plan: ({ stream, lr, every }, at, registry) => ({
        needs: { streams: [stream, "target"] },
        owners: [{
          name: "opponent",
          every,
          optimizer: registry.plan("optimizer", { type: "adam", options: { lr } }, at),
        }],
        create(setup) {
          const params = filters(setup, { "opponent.0": [1, 1, 3, 16], "opponent.1": [1, 1, 16, 1] });
          const judge = (pixels: Tensor) =>
            pixelwise(tf.relu(pixelwise(pixels, params[0]!.value)), params[1]!.value);
          // -log sigmoid(z): small where the opponent takes a pixel for one of the target.
          const taken = (pixels: Tensor) => tf.mean(tf.softplus(tf.neg(judge(pixels)))) as Scalar;
          const refused = (pixels: Tensor) => tf.mean(tf.softplus(judge(pixels))) as Scalar;
          return {
            compute(ctx) {
              const made = ctx.images(stream).pixels, real = ctx.images("target").pixels;
              return { loss: taken(made), handoff: { made, real } };
            },
            owners: {
              opponent: {
                params,
                compute: ({ made, real }) => ({
                  loss: tf.add(refused(made!), taken(real!)),
                }),
              },
            },
          };
        },
      }),
    }),
  ];
};
