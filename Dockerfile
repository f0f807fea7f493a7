# docker build -t framegate .
# docker run --rm --network host --user "$(id -u):$(id -g)" -v "$PWD:/work" framegate run goclaw --server ws://127.0.0.1:8080
FROM rust:1.95-slim-bookworm AS build
# ring compiles C.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin framegate

FROM debian:bookworm-slim
# The system's roots for wss://. A shell, which runs the commands of targets, is there.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home framegate \
    && install --directory --owner framegate --group framegate /work
COPY --from=build /source/target/release/framegate /usr/local/bin/framegate
USER framegate
WORKDIR /work
ENTRYPOINT ["framegate"]
CMD ["--help"]
