# docker build -t framegate . && docker run --rm --network host -v "$PWD:/work" framegate run NAME
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin framegate

FROM debian:bookworm-slim
# The system's roots for wss://, and a shell, which runs the commands of targets.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /source/target/release/framegate /usr/local/bin/framegate
RUN useradd --create-home framegate
USER framegate
WORKDIR /work
ENTRYPOINT ["framegate"]
CMD ["--help"]
