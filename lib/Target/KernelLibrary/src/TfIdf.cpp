// TfIdfVectorizer: how often n-grams of a list occur in rows of tokens.
//   inputs   int64 tokens [B, C], int64 pool: the n-grams' tokens, int64 [G, 3]: length, place in
//   the
//            pool and column of each n-gram, float [G]: weights
//   outputs  float [B, columns]
//   ints     mode (0: counts, 1: weights of what occurs, 2: counts times weights), most skips
//
// Tokens of an n-gram may lie `skip + 1` apart, for each number of skips up to the most. Rows are
// divided among tasks.
#include "lib/Target/KernelLibrary/LibTensor.h"

namespace {

int64_t countOccurrences(const int64_t *tokens, int64_t size, const int64_t *gram, int64_t length,
                         int64_t mostSkips) {
  int64_t count = 0;
  // Skips mean nothing to a single token.
  for (int64_t step = 1; step <= (length == 1 ? 1 : mostSkips + 1); ++step)
    for (int64_t start = 0; start + (length - 1) * step < size; ++start) {
      int64_t matched = 0;
      while (matched < length && tokens[start + matched * step] == gram[matched])
        ++matched;
      count += matched == length;
    }
  return count;
}

int32_t tfIdf(TENON_KERNEL_PARAMETERS) {
  const LibTensor &x = inputs[0];
  int64_t size = x.dims[1], columns = outputs[0].dims[1], grams = inputs[2].dims[0];
  Share share(x.dims[0], task, tasks);
  for (int64_t row = share.begin; row < share.end; ++row) {
    float *result = outputs[0].as<float>() + row * columns;
    for (int64_t i = 0; i < columns; ++i)
      result[i] = 0;
    for (int64_t i = 0; i < grams; ++i) {
      const int64_t *gram = inputs[2].as<int64_t>() + i * 3;
      int64_t count = countOccurrences(x.as<int64_t>() + row * size, size,
                                       inputs[1].as<int64_t>() + gram[1], gram[0], ints[1]);
      float weight = inputs[3].as<float>()[i];
      auto number = static_cast<float>(count);
      if (count > 0)
        result[gram[2]] += ints[0] == 0 ? number : ints[0] == 1 ? weight : number * weight;
    }
  }
  return 0;
}

} // namespace

TENON_KERNEL(tenon_tf_idf_i64, tfIdf)
