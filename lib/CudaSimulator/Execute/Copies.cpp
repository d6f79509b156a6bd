#include "lib/CudaSimulator/Decode/Builder.h"
namespace tenon::sim {
void addCopies(OpcodeTable &) {}
} // namespace tenon::sim
