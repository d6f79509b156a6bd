// Numbers that go into the biases of weighted sums: what channels add to them once these are gone.

#ifndef TENON_LIB_PRUNE_ADDEDBIASES_H
#define TENON_LIB_PRUNE_ADDEDBIASES_H

#include "lib/Prune/ChannelConstants.h"
#include <map>

namespace tenon {

class AddedBiases {
public:
  /// All must live as long.
  AddedBiases(ModelEditor &editor, ValueTypes &types, const ChannelGroups &groups,
              ConstantCache &cache)
      : editor(editor), types(types), sets(groups.getSets()), cache(cache) {}

  /// Whether a number can be added to each channel of a sum's result.
  bool canAdd(const WeightedSum &sum);
  /// The numbers that are added to the channels of a sum's result, to be changed.
  llvm::MutableArrayRef<double> get(const WeightedSum &sum);
  /// Changes biases where they are, whole, if nothing else reads them, so that they keep their
  /// names; others become constants of their own, without the channels that are removed. An
  /// operator that has no bias gets an Add behind it.
  llvm::Error write(const llvm::BitVector &removed);

private:
  llvm::Error write(const WeightedSum &sum, llvm::ArrayRef<double> numbers,
                    const llvm::BitVector &removed);
  llvm::Error writeNew(const WeightedSum &sum, llvm::ArrayRef<double> numbers,
                       const llvm::BitVector &removed);
  llvm::StringRef findAddedVector(const WeightedSum &sum) const;
  bool isReadOnce(llvm::StringRef constant) const;
  llvm::StringRef getBias(const WeightedSum &sum) const;

  ModelEditor &editor;
  ValueTypes &types;
  const ChannelSets &sets;
  ConstantCache &cache;
  std::map<const WeightedSum *, std::vector<double>> added;
};

} // namespace tenon

#endif
