// Puts a seal behind a hand-written model: seal-model FILE.
#include "Seal.h"

#include <cstdio>
#include <fstream>
#include <iterator>

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  std::ifstream in(argv[1], std::ios::binary);
  std::string content(std::istreambuf_iterator<char>(in), {});
  if (content.empty())
    return std::fprintf(stderr, "seal-model: cannot read '%s'\n", argv[1]), 1;
  tenon_seal seal = {};
  seal.weights_offset = content.size();
  std::ofstream out(argv[1], std::ios::binary | std::ios::app);
  std::string bytes = tenon::test::finishSeal(seal, content);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return out.flush() ? 0 : 1;
}
