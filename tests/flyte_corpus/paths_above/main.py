from flows.deep.job import env, run_from_above

ENVIRONMENTS = [env, run_from_above]
