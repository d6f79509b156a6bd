# What a user may set, and the settings that hold for every target.

option(TENON_BUILD_TESTS "Build the unit tests and configure the lit tests" ON)
set(TENON_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 99)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

# -O3 buys a compiler nothing but build time; generated kernels choose their own level.
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# Linking takes little (MLIR and LLVM are shared), but debug and sanitizer links want memory.
set(TENON_LINK_JOBS 2 CACHE STRING "How many links may run at once")
set_property(GLOBAL PROPERTY JOB_POOLS link=${TENON_LINK_JOBS})
set(CMAKE_JOB_POOL_LINK link)

# ccache handles clang's precompiled headers only with these two liberties (its manual, "Precompiled
# headers"); they are set here so that a bare `ninja` hits what scripts/build filled.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(launcher "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros
               "CCACHE_BASEDIR=${CMAKE_CURRENT_SOURCE_DIR}" "${CCACHE_PROGRAM}")
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_compile_options(-Wall -Wextra -Wno-unused-parameter)

# See the header. Where the C library's <assert.h> would see no NDEBUG, ours takes its place.
if(TENON_SANITIZE OR CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(NDEBUG)
  include_directories(SYSTEM "${CMAKE_CURRENT_SOURCE_DIR}/cmake/assertions")
endif()

if(TENON_SANITIZE)
  # Generated code and LLVM's libraries have no signatures or type information to check. Undefined
  # behaviour ends the program, so that no test passes with it.
  add_compile_options(-fsanitize=${TENON_SANITIZE} -fno-sanitize=function,vptr
                      -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TENON_SANITIZE})
  # What they are told, to be linked into programs.
  add_library(tenon_sanitizer_options OBJECT cmake/sanitizers/options.c)
  target_compile_options(tenon_sanitizer_options PRIVATE -fno-sanitize=all)
  set(TENON_SANITIZER_OPTIONS tenon_sanitizer_options)
endif()
