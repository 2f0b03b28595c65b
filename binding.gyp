{
  "variables": {
    # Warnings are errors in a checkout, which has the Makefile. They are not on
    # a user's machine, whose compiler may know warnings that ours does not.
    "werror%": "<!(node -p \"fs.existsSync('Makefile') ? '-Werror' : ''\")",
    # Debian 13 renamed the pkg-config file of msgpack-c.
    "msgpack%": "<!(pkg-config --exists msgpack-c && echo msgpack-c || echo msgpack)",
    "libraries%": "lmdb libcjson liblz4",
  },
  # Nothing here is C++: link with the C compiler, so that no libstdc++ is needed.
  "make_global_settings": [["LINK", "$(CC)"]],
  "targets": [
    {
      "target_name": "lmdbx",
      "sources": [
        "src/base.c",
        "<!@(node -p \"['codec', 'store', 'queue', 'binding'].flatMap((layer) => fs.readdirSync('src/' + layer).filter((file) => file.endsWith('.c')).sort().map((file) => 'src/' + layer + '/' + file)).join(' ')\")",
      ],
      "include_dirs": ["src"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE", "_FILE_OFFSET_BITS=64"],
      "cflags!": ["-O3"],
      "cflags": [
        "-std=c11",
        "-O2",
        "-Wall",
        "-Wextra",
        "<(werror)",
        "-fvisibility=hidden",
        "<!@(pkg-config --cflags <(libraries) <(msgpack))",
      ],
      "libraries": ["<!@(pkg-config --libs <(libraries) <(msgpack))"],
      # Debian's own Node.js would have addons load libnode, and Bun with them.
      "libraries!": ["-lnode"],
      "conditions": [
        [
          "OS=='linux'",
          {
            # Another addon in the process may carry its own liblmdb: export
            # nothing, and bind everything before the first call.
            "ldflags": [
              "-Wl,--exclude-libs,ALL",
              "-Wl,--as-needed",
              "-Wl,-z,now,-z,relro,-z,noexecstack",
            ],
          },
        ],
        [
          "OS=='mac'",
          {
            "xcode_settings": {
              "GCC_C_LANGUAGE_STANDARD": "c11",
              "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
              "OTHER_CFLAGS": ["<!@(pkg-config --cflags <(libraries) <(msgpack))"],
            },
          },
        ],
      ],
    },
  ],
}
