// Damaged copies of a model that the compiler made: whatever is wrong with a file, loading it gives
// a status, and damaged weights are found where they are looked at.
#include "Files.h"
#include "runtime/abi.h"

#include <fcntl.h>
#include <sys/mman.h>

using namespace tenon::test;

namespace {

/// A file that bits are flipped in, one after another. Every load is of the same inode, as every
/// failed one has unmapped all.
class Damage : public testing::Test {
protected:
  Damage() : content(readFile(modelPath("digits"))), file(content) {
    std::memcpy(&seal, content.data() + content.size() - sizeof seal, sizeof seal);
    descriptor = open(file.path(), O_RDWR | O_CLOEXEC);
  }
  ~Damage() override { close(descriptor); }

  tenon_status loadFlipped(uint64_t byte, int bit, bool checkWeights = false) {
    put(byte, static_cast<char>(content[byte] ^ 1 << bit));
    tenon_model *model = nullptr;
    tenon_load_options options = {};
    options.check_weights = checkWeights;
    tenon_status status = tenon_model_load_with(file.path(), &options, &model);
    tenon_model_free(model);
    put(byte, content[byte]);
    return status;
  }

  void put(uint64_t byte, char value) {
    ASSERT_EQ(pwrite(descriptor, &value, 1, static_cast<off_t>(byte)), 1);
  }

  std::string content;
  TemporaryFile file;
  tenon_seal seal;
  int descriptor;
};

TEST_F(Damage, anUndamagedFileLoads) {
  ASSERT_GT(seal.weights_bytes, 1000u);
  EXPECT_EQ(tryLoad(content), TENON_OK) << tenon_last_error();
  EXPECT_EQ(tryLoad(content, /*checkWeights=*/true), TENON_OK) << tenon_last_error();
  Model model = load("digits");
  EXPECT_EQ(tenon_model_code_checksum(model.get()), seal.code_checksum);
  EXPECT_EQ(tenon_model_weights_checksum(model.get()),
            tn_checksum_of(content.data() + seal.weights_offset, seal.weights_bytes));
  EXPECT_EQ(tenon_model_check_weights(model.get()), TENON_OK) << tenon_last_error();
}

/// Every bit of the ELF and program headers and of the seal.
TEST_F(Damage, everyBitOfTheHeadersIsGuarded) {
  for (uint64_t byte = 0; byte < 1024; ++byte)
    for (int bit = 0; bit < 8; ++bit)
      EXPECT_EQ(loadFlipped(byte, bit), TENON_INVALID_MODEL) << "byte " << byte << ", bit " << bit;
  for (uint64_t byte = content.size() - sizeof seal; byte < content.size(); ++byte)
    for (int bit = 0; bit < 8; ++bit)
      EXPECT_EQ(loadFlipped(byte, bit), TENON_INVALID_MODEL) << "byte " << byte << ", bit " << bit;
}

/// A bit of every few bytes: symbols, relocations, descriptor, code, section table and padding.
TEST_F(Damage, everyRegionBeforeTheWeightsIsGuarded) {
  for (uint64_t byte = 0; byte < seal.weights_offset; byte += 1 + seal.weights_offset / 4001)
    EXPECT_EQ(loadFlipped(byte, static_cast<int>(byte % 8)), TENON_INVALID_MODEL)
        << "byte " << byte;
  EXPECT_EQ(loadFlipped(seal.weights_offset - 1, 7), TENON_INVALID_MODEL);
}

TEST_F(Damage, weightsAreComparedOnRequest) {
  for (uint64_t at = 0; at < seal.weights_bytes; at += 1 + seal.weights_bytes / 211) {
    uint64_t byte = seal.weights_offset + at;
    EXPECT_EQ(loadFlipped(byte, static_cast<int>(at % 8)), TENON_OK) << tenon_last_error();
    EXPECT_ERROR(loadFlipped(byte, static_cast<int>(at % 8), /*checkWeights=*/true),
                 TENON_INVALID_MODEL, "its weights have the checksum");
  }
  EXPECT_EQ(loadFlipped(seal.weights_offset + seal.weights_bytes - 1, 0, /*checkWeights=*/true),
            TENON_INVALID_MODEL);
}

TEST_F(Damage, lostAndAddedBytesShow) {
  for (size_t size = 0; size < content.size(); size += 1 + content.size() / 499)
    EXPECT_EQ(tryLoad(content.substr(0, size)), TENON_INVALID_MODEL) << "at " << size;
  EXPECT_ERROR(tryLoad(content.substr(0, content.size() - 1)), TENON_INVALID_MODEL, "truncated");
  EXPECT_ERROR(tryLoad(content + '\0'), TENON_INVALID_MODEL, "changed after it was compiled");
  std::string end = content.substr(content.size() - sizeof seal);
  EXPECT_ERROR(tryLoad(content + end), TENON_INVALID_MODEL, "truncated or extended");
  // A block that is missing or doubled in the middle, as copying programs lose them.
  for (size_t at : {size_t(4096), content.size() / 2}) {
    EXPECT_EQ(tryLoad(std::string(content).erase(at, 512)), TENON_INVALID_MODEL);
    EXPECT_EQ(tryLoad(std::string(content).insert(at, content, at, 512)), TENON_INVALID_MODEL);
  }
}

TEST_F(Damage, zeroedPagesShow) {
  for (size_t at = 0; at + 4096 <= seal.weights_offset; at += 4096) {
    std::string copy = content;
    std::fill_n(copy.begin() + static_cast<std::ptrdiff_t>(at), 4096, '\0');
    EXPECT_EQ(tryLoad(copy), copy == content ? TENON_OK : TENON_INVALID_MODEL) << "at " << at;
  }
}

} // namespace
