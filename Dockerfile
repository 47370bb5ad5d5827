# portraitd in a container: docker build -t portraitd .

# ---- build: the Rust release of Cargo.toml's rust-version, on the runtime's Debian ----
FROM rust:1.95-slim-bookworm AS build
# The image brings gcc and libc6-dev, with which aws-lc-sys, libsqlite3-sys and other dependencies compile their C. They need
# neither cmake nor clang.
ENV CARGO_PROFILE_RELEASE_STRIP=symbols
WORKDIR /build

# Dependencies are a layer of their own: it stays cached until Cargo.toml, Cargo.lock or build.rs changes. Cargo wants a source file
# for each target it knows of, test, example and benches included.
COPY Cargo.toml Cargo.lock build.rs ./
RUN mkdir -p src tests/it benches/ingest benches/faults benches/dispatch benches/audit benches/proof examples \
 && echo 'fn main() {}' | tee src/main.rs tests/it/main.rs benches/ingest/main.rs benches/faults/main.rs benches/dispatch/main.rs \
      benches/audit/main.rs benches/proof/main.rs examples/custom_handler.rs >/dev/null \
 && touch src/lib.rs \
 && cargo build --release --locked --bin portraitd \
 && rm -r src

# Now the program. The defaults and the migrations are embedded in it. COPY keeps the files' times, and cargo goes by time:
# without the touch it would take the empty program above for up to date.
COPY config config
COPY migrations migrations
COPY src src
RUN touch src/main.rs src/lib.rs \
 && cargo build --release --locked --bin portraitd \
 && target/release/portraitd --version

# ---- runtime ----
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 10001 -g 10001 -m 0750 /data
COPY --from=build /build/target/release/portraitd /usr/local/bin/portraitd

# Public listener on all interfaces. With that it refuses to start (exit 2) while an app has no callback token, unless
# PORTRAITD__RECEIVER__ALLOW_UNSIGNED=true says that something in front checks who sends.
# The private listener stays on the container's own loopback, 127.0.0.1:8081, where the health check asks it.
ENV PORTRAITD__RECEIVER__LISTEN=0.0.0.0:8080
# SQLite and the spool on the volume, because the defaults of store.url and spool.dir are relative to the working folder; DATABASE_URL (or DATABASE_URL_FILE)
# or a configuration file names a Postgres.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# Alive, not ready: a database that is away for a while is no reason to restart. `portraitd healthcheck --ready` asks for both.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/usr/local/bin/portraitd", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/portraitd"]
CMD ["serve"]
