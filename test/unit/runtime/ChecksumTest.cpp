// XXH64 against published values and LLVM's implementation.
#include "runtime/checksum.h"
#include "llvm/Support/xxhash.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace {

uint64_t checksum(const std::string &text) { return tn_checksum_of(text.data(), text.size()); }

/// Vectors that the implementations of several languages test with.
TEST(Checksum, givesPublishedValues) {
  EXPECT_EQ(checksum(""), 0xef46db3751d8e999u);
  EXPECT_EQ(checksum("a"), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(checksum("abc"), 0x44bc2cf5ad770999u);
  EXPECT_EQ(checksum("Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1u);
}

TEST(Checksum, agreesWithLLVMForEveryLength) {
  std::mt19937 random(1);
  std::string text;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(checksum(text), llvm::xxHash64(text)) << i << " bytes";
    text += static_cast<char>(random());
  }
}

TEST(Checksum, doesNotDependOnPieces) {
  std::string text(1000, '\0');
  for (size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<char>(i * i);
  for (size_t piece : {1, 7, 31, 32, 33, 100, 999}) {
    tn_checksum sum;
    tn_checksum_init(&sum);
    for (size_t at = 0; at < text.size(); at += piece) {
      tn_checksum_update(&sum, nullptr, 0);
      tn_checksum_update(&sum, text.data() + at, std::min(piece, text.size() - at));
    }
    EXPECT_EQ(tn_checksum_value(&sum), checksum(text)) << "pieces of " << piece;
  }
}

} // namespace
