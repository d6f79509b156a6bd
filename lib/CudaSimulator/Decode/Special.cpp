// Special registers (PTX ISA 10). Those that change while a warp runs (%clock, %globaltimer) are
// read by `mov` (Execute/Moves.cpp).

#include "lib/CudaSimulator/Decode/Program.h"

namespace tenon::sim {

Slot findSpecial(std::string_view name) {
  static constexpr std::string_view names[] = {"%tid.x",
                                               "%tid.y",
                                               "%tid.z",
                                               "%ntid.x",
                                               "%ntid.y",
                                               "%ntid.z",
                                               "%ctaid.x",
                                               "%ctaid.y",
                                               "%ctaid.z",
                                               "%nctaid.x",
                                               "%nctaid.y",
                                               "%nctaid.z",
                                               "%laneid",
                                               "%warpid",
                                               "%nwarpid",
                                               "%smid",
                                               "%nsmid",
                                               "%gridid",
                                               "%lanemask_eq",
                                               "%lanemask_le",
                                               "%lanemask_lt",
                                               "%lanemask_ge",
                                               "%lanemask_gt",
                                               "%clusterid.x",
                                               "%clusterid.y",
                                               "%clusterid.z",
                                               "%nclusterid.x",
                                               "%nclusterid.y",
                                               "%nclusterid.z",
                                               "%cluster_ctaid.x",
                                               "%cluster_ctaid.y",
                                               "%cluster_ctaid.z",
                                               "%cluster_nctaid.x",
                                               "%cluster_nctaid.y",
                                               "%cluster_nctaid.z",
                                               "%cluster_ctarank",
                                               "%cluster_nctarank",
                                               "%is_explicit_cluster",
                                               "%dynamic_smem_size",
                                               "%total_smem_size"};
  static_assert(std::size(names) == SpecialSlots);
  for (Slot slot = 0; slot < SpecialSlots; ++slot)
    if (names[slot] == name)
      return slot;
  return SpecialSlots;
}

} // namespace tenon::sim
