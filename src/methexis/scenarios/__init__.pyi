from methexis.scenarios.breaking import SCENARIOS as SCENARIOS
from methexis.scenarios.breaking import BreakResult as BreakResult
from methexis.scenarios.breaking import ScenarioResult as ScenarioResult
from methexis.scenarios.breaking import chosen as chosen
from methexis.scenarios.breaking import run_break as run_break
from methexis.scenarios.verify import VerifyResult as VerifyResult
from methexis.scenarios.verify import VerifySettings as VerifySettings
from methexis.scenarios.verify import run_verify as run_verify
