# Trains the default recipe:
#   docker build --tag plca . && docker run --rm --volume "$PWD/runs:/work/runs" plca
# Anything else that plca can do: docker run ... plca eval --split val
FROM denoland/deno:2.9.6
WORKDIR /plca
COPY . .
# All packages, so that a container fetches nothing.
RUN deno install --entrypoint cli/main.ts datasets/workers/worker.ts
# The folder that relative paths of a command begin in.
ENV INIT_CWD=/work
RUN mkdir --parents /work/runs && chown --recursive deno:deno /work /deno-dir
USER deno
ENTRYPOINT ["deno", "task", "--quiet", "plca"]
CMD ["train"]
