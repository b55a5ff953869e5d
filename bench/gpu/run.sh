#!/bin/sh
# plca's benchmark of one GPU: ./run.sh [--out FILE] [--seconds 240] [--small] [--python PROGRAM]
# With more seconds each part may take longer, for slow machines. It needs a Vulkan driver and xz; it reads nothing of
# the network and writes FILE (default: gpu.json) and a folder under TMPDIR, which it removes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if command -v xz >/dev/null; then unpack() { xz -dc "$1"; }
else unpack() { python3 -c 'import lzma, sys, shutil; shutil.copyfileobj(lzma.open(sys.argv[1]), sys.stdout.buffer)' "$1"; }
fi
unpack "$here/deno.xz" >"$work/deno"
chmod +x "$work/deno"
unpack "$here/app.tar.xz" | tar -xf - -C "$work"
bytes=$(cat "$here/deno.xz" "$here/app.tar.xz" "$here/run.sh" | wc -c)
# Without the last variable Mesa complains.
DENO_DIR="$work/cache" DENO_NO_UPDATE_CHECK=1 NO_COLOR=1 XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-$work}" \
  "$work/deno" run --quiet --cached-only --no-prompt \
  --allow-read --allow-write --allow-env --allow-run --allow-sys "$work/app/run.js" --bytes "$bytes" --out gpu.json "$@"
