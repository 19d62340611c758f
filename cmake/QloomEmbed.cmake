# qloom_embed(TARGET NAMESPACE FUNCTION HEADER file...)
#
# Compiles the files into TARGET as text: `NAMESPACE::FUNCTION()`, declared in HEADER, returns them as a
# std::vector<EmbeddedFile>, sorted by name. The program then needs no files beside it.
set(QLOOM_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed_files.cmake)

function(qloom_embed target namespace function header)
  set(files ${ARGN})
  list(SORT files)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${function}.cpp)
  string(REPLACE ";" "|" joined "${files}")
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFILES=${joined} -DOUTPUT=${output} -DNAMESPACE=${namespace} -DFUNCTION=${function}
            -DHEADER=${header} -P ${QLOOM_EMBED_SCRIPT}
    DEPENDS ${files} ${QLOOM_EMBED_SCRIPT}
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
