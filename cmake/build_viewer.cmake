# Run at build time: SOURCE (viewer/) is copied to BUILD, npm fetches the packages that package-lock.json names (once), and
# Vite writes BUILD/dist/index.html. Where npm fails the page is empty and the build goes on.
file(MAKE_DIRECTORY ${BUILD})
file(REMOVE_RECURSE ${BUILD}/src ${BUILD}/dist)
foreach(name index.html package.json package-lock.json tsconfig.json vite.config.ts src)
  file(COPY ${SOURCE}/${name} DESTINATION ${BUILD})
endforeach()

file(SHA256 ${BUILD}/package-lock.json lock)
set(stamp ${BUILD}/node_modules/.installed)
set(installed "")
if(EXISTS ${stamp})
  file(READ ${stamp} installed)
endif()
set(result 0)
if(NOT installed STREQUAL lock)
  execute_process(COMMAND ${NPM} ci --no-audit --no-fund --loglevel=error WORKING_DIRECTORY ${BUILD}
                  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(result EQUAL 0)
    file(WRITE ${stamp} ${lock})
  endif()
endif()
if(result EQUAL 0)
  execute_process(COMMAND ${NPM} run build --silent WORKING_DIRECTORY ${BUILD}
                  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
endif()
if(NOT result EQUAL 0 OR NOT EXISTS ${BUILD}/dist/index.html)
  message(WARNING "view: npm cannot build the page; the program is built without it. Repair npm, remove ${BUILD} and "
                  "build again. npm said:\n${output}")
  file(WRITE ${BUILD}/dist/index.html "")
endif()
