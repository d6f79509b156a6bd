// Products that change their precision together.
#ifndef TENON_LIB_QUANTIZE_GROUPS_H
#define TENON_LIB_QUANTIZE_GROUPS_H

#include "lib/Driver/Driver.h"
#include "lib/Quantize/Plan.h"

namespace tenon::quantize {

/// Products of one kernel, and those that read the same tensor or the same weight.
struct Group {
  /// Their numbers in the plan, ascending.
  std::vector<unsigned> products;
};

/// Groups in the order of their first products. `launches` are those of the compiled model:
/// products that one kernel computes together have one precision.
std::vector<Group> formGroups(const QuantizationPlan &plan,
                              llvm::ArrayRef<driver::LaunchReport> launches);

/// Who of a model's nodes belongs to which group, where a kernel's time is to be counted.
class NodeOwners {
public:
  /// Of a model that was made from the planned one: with further nodes between those of the plan.
  NodeOwners(const ModelEditor &model, const QuantizationPlan &plan, llvm::ArrayRef<Group> groups);

  /// The groups of a launch's products, one for each, or, if it has none, of the products that read
  /// what its last node computes. Empty if it belongs to no group.
  llvm::SmallVector<unsigned> find(const driver::LaunchReport &launch) const;

  /// Pairs of groups of which one reads what the other computes, and through which value.
  struct Edge {
    unsigned producer, consumer;
    std::string value;
  };
  llvm::ArrayRef<Edge> getEdges() const { return edges; }

private:
  llvm::StringMap<unsigned> groupOfProduct, ownerOfNode;
  std::vector<Edge> edges;
};

} // namespace tenon::quantize

#endif
