/** Checkpoints as people have them on their disks: what lies beside the weights, prefixes, several networks, other files. */
import assert from "node:assert/strict";
import type { WeightNames } from "../../core/weights.ts";
import { describeWeights, weightsDescription } from "../../weights/describe.ts";
import { describeImport, fitWeights } from "../../weights/mapping.ts";
import type { Fitting } from "../../weights/fitting.ts";
import { takenFile } from "../../weights/take.ts";
import { readWeights } from "../../weights/read.ts";
import { encodeSafetensors } from "../../weights/safetensors.ts";
import type { StoredTensor } from "../../weights/stored_tensor.ts";
import { encodeTorch } from "../../weights/write_torch.ts";
import {
  dict,
  Float,
  Made,
  Name,
  Outside,
  StorageTensor,
  torchLegacy,
  torchZip,
  Tuple,
  vector,
} from "./pickles.ts";

/** A network of four tensors and a classifier of `classes`; the values tell everything apart. */
function network(first = 0, classes = 3): Map<string, StoredTensor> {
  return new Map([
    ["backbone.conv1.weight", vector(5, first)],
    ["backbone.bn1.weight", vector(2, first + 10)],
    ["backbone.layer1.0.conv1.weight", vector(3, first + 20)],
    ["classifier.0.weight", { ...vector(2 * classes, first + 30), shape: [classes, 2] }],
  ]);
}

const NAMES: WeightNames = {
  perClass: /^classifier\./,
  classOrders: {},
  schemes: [
    {
      name: "own",
      rules: [{ pattern: /\.num_batches_tracked$/, to: null }, {
        pattern: /^(?:backbone|classifier)\..*$/,
        to: "$&",
      }],
    },
    { name: "plain", rules: [{ pattern: /^((?:conv1|bn1|layer1)\..*)$/, to: "backbone.$1" }] },
  ],
  lacking: [],
};

const WANTED = [...network()].map(([name, { shape }]) => ({ name, shape }));

function fit(bytes: Uint8Array, more: Partial<Fitting> = {}) {
  const file = readWeights(bytes, "x.pth");
  return fitWeights({ path: "x.pth", file, names: NAMES, wanted: WANTED, classes: ["a", "b", "c"], ...more });
}

const withPrefix = (prefix: string, tensors: ReadonlyMap<string, unknown> = network()) =>
  new Map([...tensors].map(([name, tensor]) => [prefix + name, tensor]));

const USED = "4 tensors used (own names)";

/** Takes exactly what a plain file gives. */
function isPlain(fitted: ReturnType<typeof fit>, line: string, original = network()): void {
  assert.deepEqual([...fitted.tensors], [...original]);
  assert.equal(describeImport(fitted.report), line);
}

function inspected(bytes: Uint8Array, take?: string): string[] {
  const file = readWeights(bytes, "x.pth");
  const shown = take === undefined ? file : takenFile(file, take, "x.pth");
  return describeWeights("x.pth", weightsDescription(shown, [{ model: "net", names: NAMES }])).split("\n");
}

// --- beside the weights -----------------------------------------------------------------------------------

const numpyType = (letters: string) =>
  new Made("numpy.dtype", [letters, false, true], {
    state: new Tuple([3, "<", null, null, null, -1, -1, 0]),
  });
const numpyScalar = (letters: string, bytes: readonly number[], module = "numpy.core") =>
  new Made(`${module}.multiarray.scalar`, [numpyType(letters), new Uint8Array(bytes)]);
const numpyArray = (letters: string, shape: readonly number[], module = "numpy.core") =>
  new Made(`${module}.multiarray._reconstruct`, [
    new Name("numpy.ndarray"),
    new Tuple([0]),
    new Uint8Array([98]),
  ], {
    state: new Tuple([1, new Tuple(shape), numpyType(letters), false, new Uint8Array(8)]),
  });

const BESIDE: Readonly<Record<string, readonly [value: unknown, shown: string]>> = {
  "a Counter of a scheduler": [
    new Made("collections.Counter", [new Map([[30, 1], [60, 1]])]),
    "dictionary of 2",
  ],
  "the arguments of the command line": [
    new Made("argparse.Namespace", [], { isNew: true, state: dict({ lr: 0.1, arch: "resnet" }) }),
    "object of argparse.Namespace, not called",
  ],
  "a NumPy array": [numpyArray("f4", [19]), "NumPy array of f4 [19]"],
  "a NumPy 2 array of objects": [numpyArray("O8", [2, 2], "numpy._core"), "NumPy array of O8 [2, 2]"],
  "a NumPy float16": [numpyScalar("f2", [0, 0x3e]), "1.5"],
  "a NumPy 2 bool": [numpyScalar("b1", [1], "numpy._core"), "true"],
  "a NumPy text": [numpyScalar("U2", [97, 0, 0, 0, 98, 0, 0, 0]), "object of NumPy scalar U2, not called"],
  "a NumPy complex number": [
    numpyScalar("c16", Array(16).fill(0)),
    "object of NumPy scalar c16, not called",
  ],
  "a date": [
    new Made("datetime.datetime", [new Uint8Array(10)]),
    "object of datetime.datetime, not called",
  ],
  "a path": [new Made("pathlib.PosixPath", ["a", "b"]), "object of pathlib.PosixPath, not called"],
  "a partial function": [
    new Made("functools.partial", [new Name("torch.nn.modules.batchnorm.BatchNorm2d")], {
      state: new Tuple([new Name("torch.nn.modules.batchnorm.BatchNorm2d"), new Tuple([]), dict({}), null]),
    }),
    "object of functools.partial, not called",
  ],
  "a class of modules, which legacy files give with its source": [
    new Made("functools.partial", [
      new Outside(
        new Tuple(["module", new Name("torch.nn.BatchNorm2d"), "batchnorm.py", "class BatchNorm2d: ..."]),
      ),
    ]),
    "object of functools.partial, not called",
  ],
  "an enumeration": [new Made("project.Mode", [1]), "object of project.Mode, not called"],
  "a dictionary of a class of the project": [
    new Made("project.Config", [], { isNew: true, items: dict({ lr: new Float(1) }) }),
    "object of project.Config, not called",
  ],
  "a defaultdict": [new Made("collections.defaultdict", [new Name("builtins.list")]), "dictionary of 0"],
  "an object of an old class": [
    new Made("copy_reg._reconstructor", [new Name("project.Old"), new Name("__builtin__.object"), null]),
    "object of project.Old, not called",
  ],
  "an object that is an object's": [
    new Made("builtins.getattr", [new Made("project.Outer", []), "Inner"]),
    "object of builtins.getattr, not called",
  ],
  "tensors of an optimiser in an object": [
    new Made("project.Ema", [], { state: dict({ shadow: [vector(3)] }) }),
    "object of project.Ema, not called",
  ],
  "a sparse tensor": [
    new Made("torch._utils._rebuild_sparse_tensor", [new Name("torch.sparse_coo"), new Tuple([vector(1)])]),
    "object of torch._utils._rebuild_sparse_tensor, not called",
  ],
};

for (const [what, [value, shown]] of Object.entries(BESIDE)) {
  Deno.test(`${what} beside the weights is passed over, and shown`, () => {
    for (const write of [torchZip, torchLegacy]) {
      const bytes = write(dict({ model: network(), x: value }));
      isPlain(fit(bytes), USED);
      assert.ok(inspected(bytes).includes(`  beside    x ${shown}`), inspected(bytes).join("\n"));
    }
    isPlain(fit(torchZip(new Map<string, unknown>([...network(), ["x", value]]))), USED);
  });
}

Deno.test("a file that names what runs code is refused by that name, and nothing is called", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const mark = `${folder}/mark`;
    const call = new Made("posix.system", [`touch ${mark}`]);
    // Beside the weights as well: passing it over would be safe here, and not for the next one who loads the file.
    for (const bytes of [torchZip(dict({ state_dict: network(), x: call })), torchZip(call)]) {
      assert.throws(() => readWeights(bytes, "x.pth"), {
        message:
          "x.pth: it names posix.system, which plca does not call: Python runs that as code when it loads the file, " +
          "and no weights need it; do not load the file with torch.load, and get it again from where you trust it",
      });
    }
    await assert.rejects(Deno.stat(mark), Deno.errors.NotFound);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a metric that is a tensor lies beside the dictionary, whichever way it is named", () => {
  const number: StoredTensor = { dtype: "F32", shape: [], data: new Float32Array([71.5]) };
  const files = [
    { epoch: 3, state_dict: network(), best_acc1: number },
    { best_acc1: number, best_loss: number, model: network() },
    { step: number, weights: number, net: network() },
    { epoch: number, trained: network() },
  ];
  for (const file of files) isPlain(fit(torchZip(dict(file))), USED);
  assert.deepEqual(inspected(torchZip(dict(files[0]!))).slice(1, 5), [
    "  names     own, for net",
    "  under     state_dict",
    "  beside    epoch 3, best_acc1 tensor F32 []",
    "  tensors   4 (4 F32), 16 elements, 64 bytes",
  ]);
});

// --- prefixes ---------------------------------------------------------------------------------------------

for (
  const prefix of [
    "module.",
    "_orig_mod.",
    "module._orig_mod.",
    "_orig_mod.module.",
    "module.module.",
    "_fsdp_wrapped_module.",
  ]
) {
  Deno.test(`${prefix} is what PyTorch puts before names: the same as without it`, () => {
    for (const file of [withPrefix(prefix), dict({ state_dict: withPrefix(prefix) })]) {
      isPlain(fit(torchZip(file)), USED);
    }
  });
}

for (const prefix of ["model.", "net.", "student.", "encoder_q.", "segmentor.model."]) {
  Deno.test(`${prefix} before all names is taken off and told`, () => {
    const told = `4 tensors used (own names, after ${prefix})`;
    isPlain(fit(torchZip(withPrefix(prefix))), told);
    isPlain(fit(torchZip(dict({ state_dict: withPrefix(`module.${prefix}`) }))), told);
    isPlain(fit(torchZip(dict({ state_dict: withPrefix(`${prefix}_orig_mod.`) }))), told);
    isPlain(fit(torchZip(dict({ state_dict: withPrefix(`${prefix}module.`) }))), told);
    const safetensors = encodeSafetensors({
      tensors: withPrefix(prefix) as Map<string, StoredTensor>,
      metadata: {},
    });
    isPlain(fit(safetensors), told);
  });
}

Deno.test("what has another beginning is skipped and counted", () => {
  const file = new Map([...withPrefix("model."), ["criterion.weight", vector(3)], [
    "model.aux.bias",
    vector(1),
  ]]);
  const fitted = fit(torchZip(dict({ state_dict: file })));
  isPlain(fitted, "4 tensors used (own names, after model.); skipped: aux (1), criterion (1)");
  assert.deepEqual(fitted.unexpected, ["model.aux.bias"]);
});

Deno.test("a part that was wrapped alone has the wrapper's name in the middle", () => {
  for (const wrapper of ["module", "_orig_mod"]) {
    const file = new Map([...network()].map(([name, tensor]) => [
      name.replace(/^backbone\./, `backbone.${wrapper}.`),
      tensor,
    ]));
    isPlain(fit(torchZip(file)), USED);
  }
});

Deno.test("a level deeper, and a network in two dictionaries", () => {
  isPlain(fit(torchZip(dict({ checkpoint: dict({ epoch: 1, model: network() }) }))), USED);
  isPlain(
    fit(torchZip(dict({ a: dict({ b: dict({ state_dict: withPrefix("model.") }) }) }))),
    "4 tensors used (own names, after model.)",
  );
  const parts = { backbone: new Map<string, unknown>(), classifier: new Map<string, unknown>() };
  for (const [name, tensor] of network()) {
    const [, part, rest] = /^(backbone|classifier)\.(.*)$/.exec(name)!;
    parts[part as keyof typeof parts].set(rest!, tensor);
  }
  isPlain(fit(torchZip(dict({ epoch: 1, ...parts }))), USED);
});

// --- several networks -------------------------------------------------------------------------------------

const CHOOSE = (listed: string, first: string) =>
  `x.pth: it holds ${listed}; choose one: --take ${first} with plca weights import, ` +
  `or weights: {file: ..., take: ${first}} in a recipe`;

const SEVERAL: readonly (readonly [
  what: string,
  bytes: () => Uint8Array,
  message: string,
  takes: readonly (readonly [take: string, first: number, after: string])[],
])[] = [
  [
    "model and model_ema",
    () => torchZip(dict({ model: network(), model_ema: network(100), epoch: 1 })),
    CHOOSE("2 networks that fit: model (4 tensors), model_ema (4 tensors)", "model"),
    [["model", 0, "model."], ["model_ema", 100, "model_ema."], ["model_ema.", 100, "model_ema."]],
  ],
  [
    "encoder_q and encoder_k with a queue",
    () =>
      torchZip(dict({
        state_dict: new Map([
          ["module.queue", vector(4)],
          ...withPrefix("module.encoder_q."),
          ...withPrefix("module.encoder_k.", network(100)),
        ]),
      })),
    CHOOSE("2 networks that fit: encoder_q. (4 tensors), encoder_k. (4 tensors)", "encoder_q."),
    [["encoder_q.", 0, "encoder_q."], ["module.encoder_k.", 100, "module.encoder_k."], [
      "state_dict.encoder_k",
      100,
      "state_dict.encoder_k.",
    ]],
  ],
  [
    "student, teacher and a third, as DAFormer has them",
    () =>
      torchLegacy(dict({
        state_dict: new Map([
          ...withPrefix("model."),
          ...withPrefix("ema_model.", network(100)),
          ...withPrefix("imnet_model.", network(200)),
        ]),
      })),
    CHOOSE(
      "3 networks that fit: model. (4 tensors), ema_model. (4 tensors), imnet_model. (4 tensors)",
      "model.",
    ),
    [["model.", 0, "model."], ["ema_model", 100, "ema_model."], ["imnet_model.", 200, "imnet_model."]],
  ],
  [
    "the same keys in two dictionaries a level deeper",
    () =>
      torchZip(dict({
        student: dict({ model: withPrefix("net.") }),
        teacher: dict({ model: withPrefix("net.", network(100)) }),
      })),
    CHOOSE(
      "2 networks that fit: student.model.net. (4 tensors), teacher.model.net. (4 tensors)",
      "student.model.net.",
    ),
    [["student.model.net.", 0, "student.model.net."], ["teacher", 100, "teacher."]],
  ],
];

for (const [what, bytes, message, takes] of SEVERAL) {
  Deno.test(`${what}: named with a way to choose, and each can be chosen`, () => {
    assert.throws(() => fit(bytes()), { name: "UserError", message });
    for (const [take, first, after] of takes) {
      const fitted = fit(bytes(), { take });
      assert.deepEqual([...fitted.tensors], [...network(first)], take);
      assert.ok(describeImport(fitted.report).startsWith(`4 tensors used (own names, after ${after}`), take);
      assert.deepEqual(fitted.report.warnings, []);
    }
  });
}

Deno.test("inspect names several networks, and shows one", () => {
  const bytes = torchZip(
    dict({ state_dict: new Map([...withPrefix("a."), ...withPrefix("b.", network(100))]) }),
  );
  assert.ok(
    inspected(bytes).includes(
      "  networks  a. (4 tensors), b. (4 tensors): --take chooses one, as in --take b.",
    ),
    inspected(bytes).join("\n"),
  );
  assert.deepEqual(inspected(bytes, "b.").slice(1), [
    "  names     own, for net",
    "  under     b",
    "  tensors   4 (4 F32), 16 elements, 64 bytes",
    "",
    "backbone.conv1.weight           F32   [5]",
    "backbone.bn1.weight             F32   [2]",
    "backbone.layer1.0.conv1.weight  F32   [3]",
    "classifier.0.weight             F32   [3, 2]",
  ]);
});

Deno.test("the network that holds another as a part is taken, and the other told", () => {
  const file = new Map([...network(), ...withPrefix("teacher.", network(100))]);
  const fitted = fit(torchZip(dict({ state_dict: file })));
  isPlain(fitted, "4 tensors used (own names); skipped: teacher (4)");
  assert.deepEqual(fitted.report.warnings, [
    "it also holds teacher. (4 tensors that fit), which --take teacher. takes instead",
  ]);
  assert.deepEqual([...fit(torchZip(dict({ state_dict: file })), { take: "teacher" }).tensors], [
    ...network(100),
  ]);
});

Deno.test("of two networks the one whose shapes fit is meant", () => {
  const wide = new Map([...network()].map(([name]) => [name, vector(7)]));
  isPlain(fit(torchZip(dict({ teacher: wide, student: network() }))), USED);
});

Deno.test("the same dictionary under two keys is one network", () => {
  const shared = network();
  isPlain(fit(encodeTorch(shared, { wrapper: "model" })), USED);
});

Deno.test("--take of what is not there, of nothing and of several places", () => {
  const bytes = torchZip(dict({ model: withPrefix("net."), ema: withPrefix("net.", network(100)) }));
  assert.throws(() => fit(bytes, { take: "teacher" }), {
    message: "x.pth: nothing in it lies under teacher; it holds model (4 tensors), ema (4 tensors)",
  });
  assert.throws(() => fit(bytes, { take: "." }), {
    message: 'x.pth: --take ".": expected the beginning of names, as in model. or ema_model.',
  });
  assert.throws(() => fit(bytes, { take: "net" }), {
    message: "x.pth: --take net stands for several places: model.net, ema.net; give one of them whole",
  });
  assert.throws(
    () =>
      fit(torchZip(dict({ state_dict: new Map([...withPrefix("a."), ["b.c", vector(1)]]) })), {
        take: "c",
      }),
    { message: "x.pth: nothing in it lies under c; it holds a. (4 tensors), b. (1 tensor)" },
  );
  assert.throws(
    () =>
      fit(torchZip(dict({ state_dict: new Map([...withPrefix("a."), ["b.c", vector(1)]]) })), {
        take: "b",
      }),
    {
      message: "x.pth: none of its 1 tensors under b (c) belongs to the model; " +
        "expected names such as backbone.conv1.weight, backbone.bn1.weight, ...",
    },
  );
});

// --- tensors that are not read ----------------------------------------------------------------------------

/** A safetensors file in which these tensors have other types. */
function retyped(
  tensors: ReadonlyMap<string, StoredTensor>,
  dtypes: Readonly<Record<string, string>>,
): Uint8Array {
  const bytes = encodeSafetensors({ tensors, metadata: {} });
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  for (const [name, dtype] of Object.entries(dtypes)) header[name].dtype = dtype;
  const text = new TextEncoder().encode(JSON.stringify(header));
  const whole = new Uint8Array(8 + text.length + bytes.length - 8 - length);
  new DataView(whole.buffer).setBigUint64(0, BigInt(text.length), true);
  whole.set(text, 8);
  whole.set(bytes.subarray(8 + length), 8 + text.length);
  return whole;
}

for (const dtype of ["F8_E4M3", "U32", "C64"]) {
  Deno.test(`a tensor of ${dtype} in a safetensors file matters where it is needed`, () => {
    const more = new Map([...network(), ["seen", vector(2)]]);
    const bytes = retyped(more, { seen: dtype });
    isPlain(fit(bytes), USED);
    assert.ok(inspected(bytes).includes(`  not read  seen ${dtype} [2]`), inspected(bytes).join("\n"));
    assert.throws(() => fit(retyped(more, { "backbone.bn1.weight": dtype })), {
      message: `x.pth: backbone.bn1.weight: its type is ${dtype}, which plca does not read; ` +
        "convert it to float32 and save the file again",
    });
  });
}

Deno.test("a tensor that an unknown name makes matters where it is needed, and is named", () => {
  const sparse = new Made("torch._utils._rebuild_sparse_tensor", [vector(1)]);
  const complex = new StorageTensor("torch.ComplexFloatStorage", [2], new Uint8Array(16));
  for (const write of [torchZip, torchLegacy]) {
    isPlain(fit(write(new Map<string, unknown>([["mask", sparse], ["fft", complex], ...network()]))), USED);
    assert.throws(
      () => fit(write(new Map<string, unknown>([...network(), ["backbone.bn1.weight", sparse]]))),
      {
        message:
          "x.pth: backbone.bn1.weight: it names torch._utils._rebuild_sparse_tensor, which plca does not " +
          "call, so the tensor that this makes is not known; replace it by an ordinary tensor of float32 and save " +
          "the file again",
      },
    );
    assert.throws(
      () => fit(write(new Map<string, unknown>([...network(), ["backbone.bn1.weight", complex]]))),
      {
        message:
          "x.pth: backbone.bn1.weight: its elements lie in a torch.ComplexFloatStorage, which plca does " +
          "not read; convert the tensor with .float() (a quantised one with .dequantize()) and save the file again",
      },
    );
  }
  const parameter = new Made("torch._tensor._rebuild_from_type_v2", [
    new Name("torch._utils._rebuild_parameter"),
    new Name("torch.nn.parameter.Parameter"),
    new Tuple([vector(2, 10), true, new Made("collections.OrderedDict")]),
    dict({ note: "mine" }),
  ]);
  isPlain(fit(torchZip(new Map<string, unknown>([...network(), ["backbone.bn1.weight", parameter]]))), USED);
});

Deno.test("a storage of unknown elements in a legacy file hides what follows it, and is named", () => {
  const file = new Map<string, unknown>([
    ["x", new StorageTensor("torch.OddStorage", [1], new Uint8Array(3))],
    ...network(),
  ]);
  assert.throws(() => fit(torchLegacy(file)), {
    message: "x.pth: it holds a torch.OddStorage, which plca does not read and whose end it does not know; " +
      "re-save the file in Python as PyTorch does since 1.6: torch.save(torch.load(FILE), NEW_FILE)",
  });
});

Deno.test("weights in an object of an unknown class: its name, and what works where the class is", () => {
  const module = new Made("project.Net", [], { isNew: true, state: dict({ _parameters: network() }) });
  const rest = "which plca does not call, and the tensors lie in what that makes; " +
    "save them alone in Python, where it can be imported: ";
  assert.throws(() => fit(torchZip(module)), {
    message:
      `x.pth: it names project.Net, ${rest}torch.save(torch.load("x.pth").state_dict(), "weights.pth")`,
  });
  assert.throws(() => fit(torchZip(dict({ epoch: 1, model: module }))), {
    message:
      `x.pth: it names project.Net, ${rest}torch.save(torch.load("x.pth")["model"].state_dict(), "weights.pth")`,
  });
  const config = new Made("project.Dict", [], { isNew: true, items: network() });
  assert.throws(() => fit(torchZip(dict({ best: vector(1), model: config }))), {
    message: "x.pth: none of its 1 tensors (best) belongs to the model; expected names such as " +
      "backbone.conv1.weight, backbone.bn1.weight, ...; it names project.Dict, " +
      `${rest}torch.save(dict(torch.load("x.pth")["model"]), "weights.pth")`,
  });
});

// --- another number of classes ----------------------------------------------------------------------------

Deno.test("another number of classes: refused with the way on, and the rest without the classifier", () => {
  const bytes = torchZip(network(0, 7));
  assert.throws(() => fit(bytes), {
    message: "x.pth: the classifier has 7 classes, the recipe 3; to start from the rest, leave it out: " +
      "--without classifier with plca weights import, or weights: {file: ..., without: [classifier]} in a recipe",
  });
  assert.throws(() => fit(bytes, { whole: true }), {
    message: "x.pth: the classifier has 7 classes, the recipe 3",
  });
  const fitted = fit(bytes, { without: ["classifier"] });
  assert.deepEqual([...fitted.tensors], [...network()].slice(0, 3));
  assert.equal(
    describeImport(fitted.report),
    "3 tensors used (own names); skipped: classifier (1); classifier: 1 tensor, initialised anew",
  );
  assert.deepEqual(fitted.report.warnings, []);
});

Deno.test("parts of parts, several, and names that are none", () => {
  const bytes = torchZip(network(0, 7));
  const fitted = fit(bytes, { without: ["backbone.layer1", "classifier"] });
  assert.equal(
    describeImport(fitted.report),
    "2 tensors used (own names); skipped: backbone (1), classifier (1); " +
      "backbone.layer1: 1 tensor, initialised anew; classifier: 1 tensor, initialised anew",
  );
  assert.throws(() => fit(bytes, { without: ["clasifier"] }), {
    message: 'x.pth: without clasifier: the model has no part of that name; did you mean "classifier"?',
  });
  assert.throws(() => fit(bytes, { without: ["decode_head"] }), {
    message:
      "x.pth: without decode_head: the model has no part of that name; expected one of backbone, classifier",
  });
  assert.throws(() => fit(bytes, { without: ["backbone", "classifier"] }), {
    message: "x.pth: without backbone and classifier nothing of it is left that belongs to the model",
  });
});

Deno.test("the classifier of a head is called by what holds it alone", () => {
  const names: WeightNames = {
    ...NAMES,
    perClass: /^head\.(?:linear|aux)_pred\./,
    schemes: [{ name: "all", rules: [{ pattern: /^.*$/, to: "$&" }] }],
  };
  const wanted = [
    { name: "head.fuse.weight", shape: [2] },
    { name: "head.linear_pred.weight", shape: [3, 2] },
    { name: "head.linear_pred.bias", shape: [3] },
  ];
  const file = new Map([
    ["head.fuse.weight", vector(2)],
    ["head.linear_pred.weight", { ...vector(14), shape: [7, 2] }],
    ["head.linear_pred.bias", vector(7)],
  ]);
  assert.throws(() => fit(torchZip(file), { names, wanted }), /--without head\.linear_pred with/);
});

// --- other files ------------------------------------------------------------------------------------------

const text = (content: string) => new TextEncoder().encode(content);

const OTHER: readonly (readonly [what: string, bytes: Uint8Array, message: string])[] = [
  [
    "a Git LFS pointer",
    text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 178793939\n"),
    "it is a Git LFS pointer, a few lines that stand for the file itself (178.8 MB), which was not fetched; " +
    "fetch it with git lfs install and git lfs pull in that repository, or download it from its page",
  ],
  [
    "an HTML page",
    text("\n<!DOCTYPE html>\n<html><head><title>Drive - Virus scan warning</title></head></html>"),
    'it is an HTML page called "Drive - Virus scan warning" and not the file: a page to sign in, to confirm or ' +
    "about an error was saved in its place; open the address in a browser and download the file itself",
  ],
  [
    "a short HTML page",
    text("<html>"),
    "it is an HTML page and not the file: a page to sign in, to confirm or about an error was saved in its place; " +
    "open the address in a browser and download the file itself",
  ],
  [
    "a page with a byte order mark",
    text('\ufeff<html lang="en"><body>no'),
    "it is an HTML page and not the file: a page to sign in, to confirm or about an error was saved in its place; " +
    "open the address in a browser and download the file itself",
  ],
  [
    "an empty file",
    new Uint8Array(),
    "it is an empty file: a download or copy that never began or was stopped; get it again",
  ],
  [
    "an error of a server as JSON",
    text('{"code":{"error":"Invalid username or password"}}'),
    'it is a JSON text that begins with "{\\"code\\":{\\"error\\":\\"Invalid username or pa..."' +
    ": an answer of a server or a description instead of the weights; download the file itself",
  ],
  [
    "an error of a server as XML",
    text('<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>'),
    'it is a text that begins with "<?xml version=\\"1.0\\"?>": an answer of a server instead of the file; download it again',
  ],
  [
    "an error of a server as text",
    text("Entry not found"),
    'it is a text that begins with "Entry not found"; expected a checkpoint as torch.save or safetensors write it',
  ],
  [
    "a gzip archive",
    new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
    "it is a gzip archive; unpack it first, as with tar xf or gunzip",
  ],
];

for (const [what, bytes, message] of OTHER) {
  Deno.test(`${what} is named as what it is`, () => {
    assert.throws(() => readWeights(bytes, "x.pth"), { name: "DataError", message: `x.pth: ${message}` });
  });
}
