# Compiler settings shared by every room: warnings of the house, ccache and a fast linker where
# they are installed, sanitizers on request.
find_program(QLOOM_CCACHE ccache)
if(QLOOM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${QLOOM_CCACHE})
endif()

add_library(qloom_warnings INTERFACE)
target_compile_options(qloom_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror=switch)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlapping copies in std::string concatenation that are not there (GCC bug 105651).
  target_compile_options(qloom_warnings INTERFACE -Wno-restrict)
endif()

if(QLOOM_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()
