// All ops of the dialect: one file per family.

include "dialects/Tenon/ElementwiseOps.td"
include "dialects/Tenon/ShapeOps.td"
include "dialects/Tenon/IndexOps.td"
include "dialects/Tenon/ReductionOps.td"
include "dialects/Tenon/NormalizationOps.td"
include "dialects/Tenon/PoolingOps.td"
include "dialects/Tenon/ContractionOps.td"
include "dialects/Tenon/ControlFlowOps.td"
include "dialects/Tenon/MachineLearningOps.td"
include "dialects/Tenon/RecurrentOps.td"
include "dialects/Tenon/SelectionOps.td"
include "dialects/Tenon/ProgramOps.td"
