# cpack runs this between collecting the files and packing them: with SOURCE_DATE_EPOCH each gets that time, so that the
# package does not depend on when it was made (https://reproducible-builds.org/docs/source-date-epoch/, read 2026-11-24).
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND find ${CPACK_TEMPORARY_DIRECTORY} -exec touch -h -d @$ENV{SOURCE_DATE_EPOCH} {} +
    COMMAND_ERROR_IS_FATAL ANY)
endif()
