# qloom_room(NAME [DEPENDS room...] [SOURCES file...] [LIBRARIES target...] [PRIVATE_LIBRARIES target...])
#
# Declares the room NAME as a static library `qloom_NAME` whose headers are included as
# "NAME/x.h". DEPENDS names the rooms it may know; everything else fails to link, and
# the test `meta.includes` refuses the include itself.
set_property(GLOBAL PROPERTY QLOOM_ROOMS "")

function(qloom_room name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;SOURCES;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  add_library(qloom_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(qloom_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(qloom_${name} PRIVATE qloom_warnings)
  foreach(other ${ROOM_DEPENDS})
    target_link_libraries(qloom_${name} PUBLIC qloom_${other})
  endforeach()
  target_link_libraries(qloom_${name} PUBLIC ${ROOM_LIBRARIES} PRIVATE ${ROOM_PRIVATE_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY QLOOM_ROOMS ${name})
  set_property(GLOBAL PROPERTY QLOOM_ROOM_${name}_DEPENDS "${ROOM_DEPENDS}")
endfunction()

# qloom_test(ROOM SOURCES file... [LIBRARIES target...] [TIMEOUT seconds] [LABELS label...])
#
# One GoogleTest executable a room, `ROOM_tests`, registered as one CTest entry.
function(qloom_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  add_executable(${name}_tests ${T_SOURCES})
  target_link_libraries(${name}_tests PRIVATE qloom_warnings ${T_LIBRARIES} GTest::gtest GTest::gmock
                        GTest::gtest_main)
  target_compile_definitions(${name}_tests PRIVATE
    QLOOM_SOURCE_DIR="${CMAKE_SOURCE_DIR}" QLOOM_BINARY_DIR="${CMAKE_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name}_tests)
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 600)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS "${T_LABELS}")
endfunction()
