"""Is this e-certificate genuine and in force? Open: a partner city asks without an account."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.answers import bundled_answer, document_of
from api.context import deployment
from api.models import Answer, CertificateBody

blueprint = APIBlueprint("certificates", __name__, url_prefix="/v1", abp_tags=[Tag(name="certificates")])


@blueprint.post(
    "/certificates/verify", summary="Verify an e-certificate", responses={200: Answer}, security=[]
)
def verify(body: CertificateBody) -> Response:
    """Four verdicts (identifier, file, seal and issuer, status) with their proof, without the holder."""
    answer = deployment().certificate.status(body.identifier, body.file_sm3, body.level)
    return bundled_answer(document_of(answer), answer.bundle)
