"""What Vertex AI tells its container, in variables that start with AIP_.

https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements#aip-variables
"""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class VertexSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="AIP_", extra="ignore")

    http_port: int = Field(default=8080, ge=0, le=65535, description="where Vertex AI sends everything")
    health_route: str = Field(pattern="^/", description="the path that says whether requests can come")
    predict_route: str = Field(pattern="^/", description="the path of predict, rawPredict and streamRawPredict")
    storage_uri: str = Field(default="", description="the release's folder, gs://…; without one the playbook answers")
