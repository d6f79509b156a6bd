// What follows the sum of a kernel's root: the pointwise ops on it, before its only store.

#include "passes/Codegen/Common/KernelEmitter.h"

using namespace mlir;

namespace tenon {

void KernelEmitter::storeComputed(Value root, Value element, ArrayRef<LaneIndex> index) {
  setSource(root, [element](ArrayRef<LaneIndex>) { return element; });
  for (unsigned i = 0; i < kernel.getNumResults(); ++i)
    store(result(i), index, broadcast(this->element(computed(i), index)));
}

void storeFinished(KernelEmitter &e, OpBuilder &b, OpResult root, Value element,
                   ArrayRef<Value> index, Value mask) {
  OpBuilder::InsertionGuard guard(e.em);
  e.em.setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
  auto vector = dyn_cast<VectorType>(element.getType());
  e.withLanes(vector ? vector.getNumElements() : 1, mask, [&] {
    SmallVector<LaneIndex> position;
    for (Value part : index.drop_back())
      position.push_back(e.uniform(part));
    position.push_back({index.back(), vector ? 1 : 0, false, 1});
    e.storeComputed(root, element, position);
  });
  b.setInsertionPoint(e.em.getInsertionBlock(), e.em.getInsertionPoint());
}

} // namespace tenon
