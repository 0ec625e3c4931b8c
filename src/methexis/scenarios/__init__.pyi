from methexis.scenarios.verify import VerifyResult as VerifyResult
from methexis.scenarios.verify import VerifySettings as VerifySettings
from methexis.scenarios.verify import run_verify as run_verify
