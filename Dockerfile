# The README's two commands in a container.
#   docker build -t qloom .                  make demo, and the program installed
#   docker build --target tested .           make test as well
#   docker run --rm -it -v "$PWD:/work" qloom train fashion-mnist-mlp -o run
#   docker run --rm -it -p 127.0.0.1:8888:8888 --entrypoint /opt/qloom/scripts/tutorial.sh qloom \
#       /opt/qloom/build --ip=0.0.0.0 --no-browser

FROM debian:12 AS demo
WORKDIR /opt/qloom
# A layer of its own: packages stay while sources change.
COPY scripts/setup.sh scripts/
RUN scripts/setup.sh tutorial && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make demo && cmake --install build

FROM demo AS tested
RUN make test

FROM demo
WORKDIR /work
ENTRYPOINT ["qloom"]
CMD ["--help"]
