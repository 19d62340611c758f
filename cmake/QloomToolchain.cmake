# Compiler settings shared by every room: warnings of the house, ccache and a fast linker where
# they are installed, sanitizers on request.
find_program(QLOOM_CCACHE ccache)
if(QLOOM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${QLOOM_CCACHE})
endif()

add_library(qloom_warnings INTERFACE)
target_compile_options(qloom_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror=switch)

if(QLOOM_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()
